"""One module per provider whose roles can be taken on."""
