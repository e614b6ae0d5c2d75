# What who deploys may do: nomad acl policy apply deploy nomad/deploy/policy.hcl
# nomad acl token create -name=deploy -policy=deploy

namespace "default" {
  capabilities = ["list-jobs", "read-job", "submit-job", "scale-job", "read-logs", "alloc-lifecycle"]

  # The TLS keys.
  variables {
    path "nomad/jobs/bcryptd" {
      capabilities = ["list", "read", "write"]
    }

    path "nomad/jobs/load-balancer" {
      capabilities = ["list", "read", "write"]
    }
  }
}

# Whose logs and checks are asked of the machines themselves.
node {
  policy = "read"
}
