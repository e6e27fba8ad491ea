"""What an operator may do: see, switch, be forgotten. For the command line and for the product's own."""
