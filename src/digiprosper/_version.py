"""The version, where the build, the package and its results find it."""

__version__ = "0.1.0"
