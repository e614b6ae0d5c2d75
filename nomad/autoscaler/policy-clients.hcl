# What it needs besides policy.hcl where it scales machines: find the emptiest one, drain it, and forget it.
# nomad acl policy apply nomad-autoscaler-clients nomad/autoscaler/policy-clients.hcl

node {
  policy = "write"
}
