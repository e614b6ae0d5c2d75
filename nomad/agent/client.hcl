# A client: runs the instances. `servers`, `node_class` and meta.zone differ by place.

# A stop of the agent is the machine's leave, by the signal of the vendor's unit (INT) and by TERM: see
# drain_on_shutdown. Servers do not leave, as the majority counts those that come back.
leave_on_interrupt = true
leave_on_terminate = true

client {
  enabled = true

  # What a drain and a stop of an instance may take: longer than kill_timeout of any task.
  max_kill_timeout = "2m"

  # What tasks of the driver exec see of the machine, below their own directories: nginx, mtail and the
  # libraries that bcryptd's package depends on. The default, all of /usr and /etc, takes a client
  # minutes and inodes by the ten thousand for each task, and shows each of them the machine's secrets.
  chroot_env = {
    "/bin/dash"                  = "/bin/sh"
    "/bin/sleep"                 = "/bin/sleep"
    "/etc/group"                 = "/etc/group"
    "/etc/ld.so.cache"           = "/etc/ld.so.cache"
    "/etc/nsswitch.conf"         = "/etc/nsswitch.conf"
    "/etc/passwd"                = "/etc/passwd"
    "/lib64"                     = "/lib64"
    "/usr/bin/mtail"             = "/usr/bin/mtail"
    "/usr/lib/aarch64-linux-gnu" = "/lib/aarch64-linux-gnu"
    "/usr/lib/x86_64-linux-gnu"  = "/lib/x86_64-linux-gnu"
    "/usr/sbin/nginx"            = "/usr/sbin/nginx"
  }

  # The system's own; what CPUs it needs, the instances' cores leave.
  reserved {
    memory = 256
  }

  # A machine that stops, or is stopped by the group's scaling, gives its instances away first. An agent
  # that is only to be started anew is killed: its tasks go on, and the next one takes them over.
  drain_on_shutdown {
    deadline           = "2m"
    force              = false
    ignore_system_jobs = true
  }

  # Bounds on what an artifact may be.
  artifact {
    http_read_timeout = "2m"
    http_max_size     = "200MB"
  }

}

# Programs run without a file system or capabilities of the machine; nothing runs as its root.
plugin "raw_exec" {
  config {
    enabled = false
  }
}

plugin "exec" {
  config {
    default_pid_mode = "private"
    default_ipc_mode = "private"
    # nginx of the load balancer listens below 1024.
    allow_caps = ["net_bind_service"]
  }
}

plugin "docker" {
  config {
    allow_privileged = false
    allow_caps       = ["net_bind_service"]

    volumes {
      enabled = false
    }
  }
}
