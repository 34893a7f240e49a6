"""From checked rules to what the evaluator runs."""
