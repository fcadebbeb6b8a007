"""The routes of Pulumi's service protocol: a module for each kind of call, thin over the state service.

The shapes of bodies and answers are those of Pulumi's Go package `sdk/go/common/apitype`, the calls those of
`pkg/backend/httpstate/client`.
"""
