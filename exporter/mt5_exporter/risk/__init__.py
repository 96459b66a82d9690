"""What a prop firm allows to lose: rules, the anchors that they count from, and how an account stands."""
