"""What is graded in the part "Training neural networks", one module a chapter."""
