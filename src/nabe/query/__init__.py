"""Engine-neutral execution: from text to a query, from a sealed query to rows, whoever computes them."""
