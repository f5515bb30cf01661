"""Records, queries and the guards in the database."""
