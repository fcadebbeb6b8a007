"""The plugin `pulumi-resource-tic`: ACME, DNS and deployment resources."""
