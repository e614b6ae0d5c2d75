# What the autoscaler may do: nomad acl policy apply nomad-autoscaler nomad/autoscaler/policy.hcl
# nomad acl token create -name autoscaler -policy nomad-autoscaler

namespace "default" {
  policy       = "scale"
  capabilities = ["read-job", "list-jobs"]

  # Its lock.
  variables {
    path "nomad-autoscaler/lock" {
      capabilities = ["read", "write", "destroy"]
    }
  }
}
