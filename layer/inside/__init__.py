"""Scripts that the bundled interpreter runs during a build; nothing here may import `layer`."""
