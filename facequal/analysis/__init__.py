"""What pictures, notebooks and reports show."""
