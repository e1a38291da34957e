"""Reference implementations of the part "Training neural networks", one module a chapter."""
