"""The page where people see and change their tasks, and the small server that it comes from."""
