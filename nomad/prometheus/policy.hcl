# What Prometheus's discovery may do: nomad acl policy apply prometheus nomad/prometheus/policy.hcl
# nomad acl token create -name prometheus -policy prometheus

# The instances.
namespace "default" {
  capabilities = ["read-job"]
}

# The clients, and the servers.
node {
  policy = "read"
}

agent {
  policy = "read"
}
