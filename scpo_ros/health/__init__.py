"""What nodes say of themselves: severity, unknown numbers, punctuality."""
