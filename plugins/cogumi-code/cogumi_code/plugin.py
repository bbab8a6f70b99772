"""What this plugin offers to cogumi. Light to import: whatever is heavy is imported where it is used."""
