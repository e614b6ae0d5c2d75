# Machines for the instances: a managed instance group of clients follows the CPUs that are asked for.
# Copy it, set project, region and mig_name, and enable it; the group must not have Google's own
# autoscaler. A machine that goes is drained before.

scaling "bcryptd-clients" {
  enabled = false
  min     = 2
  max     = 10

  policy {
    cooldown            = "5m"
    evaluation_interval = "30s"
    # Without an answer nothing is taken away.
    on_check_error = "fail"

    # Instances that found no room, a machine for each.
    check "blocked" {
      group  = "room"
      source = "prometheus"
      query  = "max(nomad_nomad_blocked_evals_total_blocked) or vector(0)"

      strategy "threshold" {
        lower_bound           = 1
        delta                 = 1
        within_bounds_trigger = 1
      }
    }

    # Share of the CPUs that is promised away. A machine's worth is left free for canaries.
    check "cpu" {
      group  = "room"
      source = "prometheus"
      query  = "sum(nomad_client_allocated_cpu{node_class=\"bcryptd\"}) / sum(nomad_client_allocated_cpu{node_class=\"bcryptd\"} + nomad_client_unallocated_cpu{node_class=\"bcryptd\"})"

      strategy "target-value" {
        target    = 0.7
        threshold = 0.1
      }
    }

    target "gce-mig" {
      project             = "example-project"
      region              = "europe-west1"
      mig_name            = "nomad-clients"
      node_class          = "bcryptd"
      node_drain_deadline = "5m"
      node_purge          = "true"

      node_drain_ignore_system_jobs = "false"
      node_selector_strategy        = "least_busy"
    }
  }
}
