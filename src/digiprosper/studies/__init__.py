"""Functions of (spec, panel): batteries of models, an index carried into a model."""
