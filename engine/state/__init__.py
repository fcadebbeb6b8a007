"""The state service: what the Pulumi CLI talks to."""
