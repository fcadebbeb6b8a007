"""Runs Pulumi: toolchain, state service, bindings, broker, one operation at a time per stack."""
