//go:build tools

package tools

import _ "github.com/go-acme/lego/v4/cmd/lego"
