"""Whole runs compared: random programs and operations, on tic's state service and on Pulumi's file backend.

One command runs a case again: `python -m tests.engine.state.differential SEED`.
"""
