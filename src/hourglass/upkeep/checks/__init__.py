"""What ``hourglass doctor`` looks at: one function for each check."""
