"""What every result shares: protocol, text, labels, notices."""
