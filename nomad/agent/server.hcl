# A server: schedules, and keeps the state. Three of them bear the loss of one.

server {
  enabled          = true
  bootstrap_expect = 3

  # A client that is silent for so long is down, and what ran on it is started elsewhere. The
  # defaults are for thousands of clients; here seconds are errors of a load balancer's clients.
  min_heartbeat_ttl = "5s"
  heartbeat_grace   = "5s"

  # `encrypt`, the key of the gossip between the servers (nomad operator gossip keyring generate), is
  # a secret, and so in a file of its own; `server_join` differs by place.

  default_scheduler_config {
    # Instances go where most room is, so that the loss of a machine takes few of them.
    scheduler_algorithm = "spread"

    # The load balancer, a system job, gives way to nothing.
    preemption_config {
      system_scheduler_enabled = true
    }
  }
}

# Gone servers are forgotten, so that an exchanged machine does not count for the majority.
autopilot {
  cleanup_dead_servers = true
}
