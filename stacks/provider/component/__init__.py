"""Remote components: compositions of the package's resources for every Pulumi language."""
