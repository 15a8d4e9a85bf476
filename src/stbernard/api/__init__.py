"""The wire, nothing else: parse, authorise, one store call, render."""
