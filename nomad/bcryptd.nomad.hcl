# bcryptd and the nginx before it, as one group: they share a node and, through the allocation's
# directory, the pool of sockets. docs/nomad.md says how to run it.
#
# nginx's configuration is the tree in nginx/, read when the job is submitted. Each file is a
# template here; only values.conf.j2 has something to fill in, as for Ansible and script/server.

variable "environment" {
  type        = string
  description = "Environment of the instances, their tag in the catalogue and the label of their metrics."
  default     = "staging"

  validation {
    condition     = regex_replace(var.environment, "^[a-z][a-z0-9-]*$", "") == ""
    error_message = "The environment is a name of lower-case letters, digits and hyphens."
  }
}

variable "datacenters" {
  type        = list(string)
  description = "Where the instances may run."
  default     = ["*"]
}

variable "node_class" {
  type        = string
  description = "Class of the nodes that the instances run on; empty is all nodes."
  default     = ""
}

variable "spread_attribute" {
  type        = string
  description = "What the instances are spread over. The client configuration in nomad/agent sets meta.zone."
  default     = "$${meta.zone}"
}

# How the program and nginx's configuration come to the node.

variable "nginx" {
  type        = string
  description = "The directory nginx/ of this repository, from the directory in which the job is submitted."
  default     = "nginx"
}

variable "driver" {
  type        = string
  description = "exec runs the packaged program and the node's nginx; docker runs both from one image."
  default     = "exec"

  validation {
    condition     = contains(["exec", "docker"], var.driver)
    error_message = "The driver is exec or docker."
  }
}

variable "artifact" {
  type        = string
  description = "Address of the package's files as .tar.gz, for the driver exec."
  default     = ""
}

variable "artifact_checksum" {
  type        = string
  description = "Checksum of that archive, as sha256:DIGITS."
  default     = ""

  validation {
    condition     = regex_replace(var.artifact_checksum, "^(sha256:[0-9a-f]{64})?$", "") == ""
    error_message = "The checksum is sha256: and 64 hexadecimal digits."
  }
}

variable "image" {
  type        = string
  description = "Image with bcryptd, nginx and, to measure, mtail, for the driver docker. Give a digest or a tag that is never moved."
  default     = ""

  validation {
    condition = var.image == "" || (
      regex_replace(var.image, "^(.*/)?[^/:@]+(:[^/:@]+|(:[^/:@]+)?@sha256:[0-9a-f]{64})$", "") == ""
      && regex_replace(var.image, ".*:latest$", "") != ""
    )
    error_message = "The image has no digest, and no tag or one that moves; a rollback would bring nothing back."
  }
}

variable "measure" {
  type        = bool
  description = "Whether mtail counts what nginx's log says: without it nobody sees what nginx refuses, and TargetsMissing says so."
  default     = true
}

variable "measure_program" {
  type        = string
  description = "mtail's program, from the directory in which the job is submitted."
  default     = "monitoring/bcryptd.mtail"
}

variable "user" {
  type        = string
  description = "User of the tasks, on the node or in the image."
  default     = "www-data"
}

variable "user_id" {
  type        = number
  description = "Number of that user, the owner of the TLS key."
  default     = 33
}

# How many, and how large.

variable "count" {
  type        = number
  description = "Instances at the first start; after that the scaler's number is kept."
  default     = 2

  validation {
    condition     = var.count >= 0
    error_message = "The count is 0 or more."
  }
}

variable "count_min" {
  type        = number
  description = "Fewest instances that scaling leaves."
  default     = 2
}

variable "count_max" {
  type        = number
  description = "Most instances that scaling makes."
  default     = 10
}

variable "cores" {
  type        = number
  description = "CPUs that one instance has to itself. Leave the node at least one besides, for nginx and the system."
  default     = 1

  validation {
    condition     = var.cores >= 0 && var.cores <= 256 && floor(var.cores) == var.cores
    error_message = "The cores are a whole number to 256; 0 shares CPUs instead, by cpu_shares and workers."
  }
}

variable "cpu_shares" {
  type        = number
  description = "MHz of an instance with cores = 0, for nodes that are too small to reserve CPUs."
  default     = 500
}

variable "workers" {
  type        = number
  description = "Workers of an instance with cores = 0; with cores there is one on each."
  default     = 1
}

variable "memory" {
  type        = number
  description = "MB of bcryptd; it takes some 4 MB a worker."
  default     = 128
}

# bcryptd's settings (docs/configuration.md).

variable "engine" {
  type        = string
  description = "What computes the hashes."
  default     = "libxcrypt"

  validation {
    condition     = contains(["libxcrypt", "lanes"], var.engine)
    error_message = "The engine is libxcrypt or lanes."
  }
}

variable "lanes" {
  type        = number
  description = "Hashes that a worker of the lanes engine computes at once. Not auto: nginx's cap depends on it."
  default     = 3

  validation {
    condition     = var.lanes >= 1 && var.lanes <= 8
    error_message = "The lanes are 1 to 8."
  }
}

variable "settings" {
  type        = map(string)
  description = "More settings by their names in the environment, as { BCRYPTD_COST = \"13\" }."
  default     = {}
}

variable "pool_size" {
  type        = number
  description = "Sockets between nginx and bcryptd."
  default     = 2

  validation {
    condition     = var.pool_size >= 1 && var.pool_size <= 16
    error_message = "The pool has 1 to 16 sockets."
  }
}

variable "stop_seconds" {
  type        = number
  description = "Longest time that requests have to end in when an instance stops, in nginx and in bcryptd each."
  default     = 10

  validation {
    condition     = var.stop_seconds >= 10 && var.stop_seconds <= 110
    error_message = "The time is 10 to 110 seconds: nginx's worker_shutdown_timeout, and the clients' max_kill_timeout."
  }
}

# What clients see.

variable "server_names" {
  type        = string
  description = "Names that the service answers to, as nginx's server_name has them."
  default     = "localhost"
}

variable "https_port" {
  type        = number
  description = "Fixed port of HTTPS on the node, of which a canary needs a spare one; 0 takes a free port, which the catalogue tells."
  default     = 0
}

variable "plain_http" {
  type        = bool
  description = "Whether passwords are taken over HTTP without TLS."
  default     = false
}

variable "client_limits" {
  type        = bool
  description = "Whether the limits below are in force. Behind a load balancer they need trusted_proxies."
  default     = true
}

variable "client_rate" {
  type        = number
  description = "Requests a second of one client."
  default     = 20
}

variable "client_burst" {
  type        = number
  description = "Requests of one client that may come at once above that."
  default     = 40
}

variable "client_connections" {
  type        = number
  description = "Requests of one client at a time."
  default     = 20
}

variable "unlimited_networks" {
  type        = list(string)
  description = "Networks without these limits."
  default     = []
}

variable "trusted_proxies" {
  type        = list(string)
  description = "Addresses or networks of load balancers, whose X-Forwarded-For is believed."
  default     = []
}

# How it is found, and how it scales.

variable "provider" {
  type        = string
  description = "Catalogue of the services."
  default     = "nomad"

  validation {
    condition     = contains(["nomad", "consul"], var.provider)
    error_message = "The provider is nomad or consul."
  }
}

variable "deregister_seconds" {
  type        = number
  description = "Time between an instance's leave from the catalogue and its stop, for those that follow the catalogue."
  default     = 10
}

variable "canaries" {
  type        = number
  description = "Instances of a new version that have to be healthy before an old one goes."
  default     = 1
}

variable "deploy_seconds" {
  type        = number
  description = "Time in which an instance has to become healthy, download included."
  default     = 60

  validation {
    condition     = var.deploy_seconds >= 10
    error_message = "The time is 10 seconds or more."
  }
}

variable "utilisation_target" {
  type        = number
  description = "Share of the hashing capacity in use that scaling aims at."
  default     = 0.6

  validation {
    condition     = var.utilisation_target > 0 && var.utilisation_target < 1
    error_message = "The target is a share above 0 and below 1."
  }
}

variable "scale_seconds" {
  type        = number
  description = "How often the scaler looks."
  default     = 15
}

variable "scale_cooldown_seconds" {
  type        = number
  description = "How long it waits after a change."
  default     = 120
}

locals {
  workers  = var.cores > 0 ? var.cores : var.workers
  capacity = local.workers * (var.engine == "lanes" ? var.lanes : 1)
  # As bcryptd --print-cap has it, and divided among the sockets as by pool_servers in script/lib.sh.
  cap          = local.capacity + max(1, floor(local.capacity / 2))
  sockets      = range(min(var.pool_size, local.cap))
  socket_share = [for i in local.sockets : floor((local.cap + var.pool_size - 1 - i) / var.pool_size)]

  # While an instance goes down because a task failed, its checks are out of the catalogue, and Nomad
  # counts checks that are not there as passed. So healthy is who has been so for longer than that takes.
  healthy_seconds = var.deregister_seconds + var.stop_seconds + 10

  # What is between [[ and ]] is filled in on the node.
  values = {
    access_log         = "/dev/stdout"
    certificate        = "[[ env \"NOMAD_SECRETS_DIR\" ]]/certificate.pem"
    certificate_key    = "[[ env \"NOMAD_SECRETS_DIR\" ]]/certificate.key"
    client_burst       = "${var.client_burst}"
    client_connections = "${var.client_connections}"
    client_limited     = var.client_limits ? "1" : "0"
    client_rate        = "${var.client_rate}"
    drain_file         = "[[ env \"NOMAD_ALLOC_DIR\" ]]/data/drain"
    internal_address   = "[[ env \"NOMAD_ADDR_internal\" ]]"
    listen_http        = "listen [[ env \"NOMAD_PORT_http\" ]];"
    listen_https       = "listen [[ env \"NOMAD_PORT_https\" ]] ssl http2;"
    plain_http         = var.plain_http ? "server_hash" : "server_https_required"
    pool_servers = join(" ", [for i in local.sockets : join("", [
      "server \"unix:[[ env \"NOMAD_ALLOC_DIR\" ]]/data/pool-${i}.sock\"",
      " max_fails=0 max_conns=${local.socket_share[i]};",
    ])])
    reject_unknown_names = "on"
    server_names         = var.server_names
    status_socket        = "[[ env \"NOMAD_ALLOC_DIR\" ]]/data/status.sock"
    temp_dir             = "[[ env \"NOMAD_TASK_DIR\" ]]"
    trusted_proxies      = join(" ", [for proxy in var.trusted_proxies : "set_real_ip_from ${proxy};"])
    unlimited_networks   = join(" ", [for network in var.unlimited_networks : "${network} 0;"])
  }

  # HCL has no loop that carries a text along, so the file is cut at its placeholders.
  values_file = join("", [
    for i, part in split("{{ ", file("${var.nginx}/values.conf.j2")) :
    i == 0 ? part : "${local.values[split(" }}", part)[0]]}${join(" }}", slice(split(" }}", part), 1, length(split(" }}", part))))}"
  ])

  nginx_files = merge(
    { for path in fileset(var.nginx, "**/*.conf") : path => file("${var.nginx}/${path}") },
    { "values.conf" = local.values_file },
  )

  bcryptd_command = var.driver == "exec" ? "local/usr/sbin/bcryptd" : "/usr/sbin/bcryptd"

  # nginx answers from its first moment on, so it waits for the sockets. (A shell that is the first
  # process of its namespace ignores signals without a trap.)
  wait = join(" ", [
    "trap 'exit 0' QUIT TERM;",
    "until [ -S \"$NOMAD_ALLOC_DIR/data/status.sock\" ]; do sleep 0.1; done;",
    "trap - QUIT TERM; exec nginx \"$@\"",
  ])

  nginx_arguments = [
    "-c", local.wait, "nginx",
    "-e", "stderr", "-c", "$${NOMAD_TASK_DIR}/nginx/nginx.conf",
    "-g", "daemon off; pid \"$${NOMAD_TASK_DIR}/nginx.pid\";",
  ]

  measured = var.measure ? ["mtail"] : []

  mtail_arguments = [
    "--progs", "$${NOMAD_TASK_DIR}/bcryptd.mtail",
    "--logs", "$${NOMAD_ALLOC_DIR}/logs/nginx.stdout.*",
    "--address", "$${NOMAD_IP_mtail}", "--port", "$${NOMAD_PORT_mtail}",
    "--logtostderr", "--emit_prog_label=false",
  ]
}

job "bcryptd" {
  type        = "service"
  datacenters = var.datacenters

  meta {
    environment = var.environment
  }

  constraint {
    attribute = "$${node.class}"
    operator  = "regexp"
    value     = var.node_class == "" ? ".*" : "^${var.node_class}$"
  }

  # The first attribute is what may fail at once, the second one a machine.
  spread {
    attribute = var.spread_attribute
    weight    = 100
  }

  spread {
    attribute = "$${node.unique.id}"
    weight    = 50
  }

  # Canaries run beside the old instances and take requests. When nothing gets healthy until the
  # progress deadline, the last good version comes back. Not much later than that: while a deployment
  # runs, Nomad refuses to scale.
  update {
    canary            = var.canaries
    max_parallel      = 1
    auto_promote      = true
    auto_revert       = true
    health_check      = "checks"
    min_healthy_time  = "${local.healthy_seconds}s"
    healthy_deadline  = "${local.healthy_seconds + var.deploy_seconds}s"
    progress_deadline = "${local.healthy_seconds + 2 * var.deploy_seconds}s"
  }

  # A drained node gives its instances away one by one.
  migrate {
    max_parallel     = 1
    health_check     = "checks"
    min_healthy_time = "${local.healthy_seconds}s"
    healthy_deadline = "${local.healthy_seconds + var.deploy_seconds}s"
  }

  # The service has nowhere else to be: go on trying, on another node each time.
  reschedule {
    delay          = "5s"
    delay_function = "exponential"
    max_delay      = "5m"
    unlimited      = true
  }

  group "bcryptd" {
    count          = var.count
    shutdown_delay = "${var.deregister_seconds}s"

    # bcryptd replaces its workers itself, so this is for the masters.
    restart {
      attempts = 3
      interval = "2m"
      delay    = "1s"
      mode     = "fail"
    }

    # The most of it is the logs, 80 MB of each task at the most.
    ephemeral_disk {
      size = 300
    }

    network {
      mode = "host"

      port "http" {}

      port "https" {
        static = var.https_port
      }

      port "internal" {}

      port "mtail" {}
    }

    service {
      name     = "bcryptd"
      provider = var.provider
      port     = "https"
      tags     = [var.environment]

      # The internal listener tells what stands behind nginx, not only that it answers.
      check {
        name     = "ready"
        type     = "http"
        port     = "internal"
        path     = "/readyz"
        interval = "5s"
        timeout  = "3s"
      }
    }

    # What Prometheus follows.
    service {
      name     = "bcryptd-metrics"
      provider = var.provider
      port     = "internal"
      tags     = [var.environment]

      check {
        name     = "alive"
        type     = "http"
        path     = "/livez"
        interval = "10s"
        timeout  = "3s"
      }
    }

    dynamic "service" {
      for_each = local.measured

      content {
        name     = "bcryptd-mtail"
        provider = var.provider
        port     = service.value
        tags     = [var.environment]
      }
    }

    scaling {
      enabled = true
      min     = var.count_min
      max     = var.count_max

      policy {
        evaluation_interval = "${var.scale_seconds}s"
        cooldown            = "${var.scale_cooldown_seconds}s"

        # One group: the largest number counts, and a check that wants no change keeps none of the
        # others from theirs. Without it the quiet "sheds" would forbid to shrink.
        check "utilisation" {
          group  = "load"
          source = "prometheus"
          query  = "max(fleet:bcryptd_utilisation:ratio_rate2m{environment=\"${var.environment}\"})"

          strategy "target-value" {
            target    = var.utilisation_target
            threshold = 0.1
          }
        }

        # Utilisation ends at 1, so it cannot tell how much is missing; what is refused can.
        check "sheds" {
          group  = "load"
          source = "prometheus"
          query  = "sum(instance:bcryptd_overload_sheds:rate2m{environment=\"${var.environment}\"}) or vector(0)"

          strategy "threshold" {
            lower_bound           = 0.1
            percentage            = 50
            within_bounds_trigger = 1
          }
        }
      }
    }

    # A sidecar from before nginx's start to after its end: nginx never has requests and no bcryptd.
    task "bcryptd" {
      driver       = var.driver
      user         = var.user
      kill_signal  = "SIGTERM"
      kill_timeout = "${var.stop_seconds + 5}s"

      lifecycle {
        hook    = "prestart"
        sidecar = true
      }

      dynamic "artifact" {
        for_each = var.driver == "exec" ? [var.artifact] : []

        content {
          source      = artifact.value
          destination = "local"

          options {
            checksum = var.artifact_checksum
          }
        }
      }

      dynamic "config" {
        for_each = var.driver == "exec" ? [1] : []

        content {
          command  = local.bcryptd_command
          cap_drop = ["all"]
        }
      }

      dynamic "config" {
        for_each = var.driver == "docker" ? [1] : []

        content {
          image           = var.image
          entrypoint      = [local.bcryptd_command]
          cap_drop        = ["all"]
          network_mode    = "none"
          readonly_rootfs = true
          security_opt    = ["no-new-privileges"]

          # The image's own asks nginx, which is not in here; the services' checks do.
          healthchecks {
            disable = true
          }
        }
      }

      env = merge(var.settings, {
        BCRYPTD_ENGINE          = var.engine
        BCRYPTD_LANES           = "${var.lanes}"
        BCRYPTD_LOG_FORMAT      = "json"
        BCRYPTD_POOL_SIZE       = "${var.pool_size}"
        BCRYPTD_SOCKET_DIR      = "$${NOMAD_ALLOC_DIR}/data"
        BCRYPTD_STOP_TIMEOUT_MS = "${var.stop_seconds * 1000}"
        BCRYPTD_WORKERS         = "${local.workers}"
      })

      logs {
        max_files     = 4
        max_file_size = 10
      }

      resources {
        cores  = var.cores > 0 ? var.cores : null
        cpu    = var.cores > 0 ? null : var.cpu_shares
        memory = var.memory
      }
    }

    task "nginx" {
      driver = var.driver
      user   = var.user
      leader = true
      # Ends what is running and takes nothing new.
      kill_signal  = "SIGQUIT"
      kill_timeout = "${var.stop_seconds + 5}s"

      dynamic "template" {
        for_each = local.nginx_files

        content {
          data            = template.value
          destination     = "local/nginx/${template.key}"
          left_delimiter  = "[["
          right_delimiter = "]]"
          change_mode     = "noop"
        }
      }

      # nomad var put nomad/jobs/bcryptd certificate=@certificate.pem key=@certificate.key
      # A renewed one is taken by a reload, which ends no connection.
      dynamic "template" {
        for_each = { "certificate.pem" = "certificate", "certificate.key" = "key" }

        content {
          data          = "{{ with nomadVar \"nomad/jobs/bcryptd\" }}{{ .${template.value} }}{{ end }}\n"
          destination   = "secrets/${template.key}"
          perms         = "0400"
          uid           = var.user_id
          gid           = var.user_id
          change_mode   = "signal"
          change_signal = "SIGHUP"
        }
      }

      dynamic "config" {
        for_each = var.driver == "exec" ? [1] : []

        content {
          command  = "/bin/sh"
          args     = local.nginx_arguments
          cap_drop = ["all"]
        }
      }

      dynamic "config" {
        for_each = var.driver == "docker" ? [1] : []

        content {
          image           = var.image
          entrypoint      = ["/bin/sh"]
          args            = local.nginx_arguments
          cap_drop        = ["all"]
          network_mode    = "host"
          readonly_rootfs = true
          security_opt    = ["no-new-privileges"]

          healthchecks {
            disable = true
          }
        }
      }

      # Freed memory is overwritten: see nginx.conf.
      env {
        GLIBC_TUNABLES = "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0"
        LD_BIND_NOW    = "1"
        PATH           = "/usr/sbin:/usr/bin:/sbin:/bin"
      }

      logs {
        max_files     = 4
        max_file_size = 10
      }

      resources {
        cpu    = 200
        memory = 64
      }
    }

    # Reads what nginx writes to its standard output, where Nomad keeps that.
    dynamic "task" {
      for_each = local.measured
      labels   = [task.value]

      content {
        driver = var.driver
        user   = var.user

        lifecycle {
          hook    = "poststart"
          sidecar = true
        }

        template {
          data            = file(var.measure_program)
          destination     = "local/bcryptd.mtail"
          left_delimiter  = "[["
          right_delimiter = "]]"
          change_mode     = "noop"
        }

        dynamic "config" {
          for_each = var.driver == "exec" ? [1] : []

          content {
            command  = "/usr/bin/mtail"
            args     = local.mtail_arguments
            cap_drop = ["all"]
          }
        }

        dynamic "config" {
          for_each = var.driver == "docker" ? [1] : []

          content {
            image           = var.image
            entrypoint      = ["/usr/bin/mtail"]
            args            = local.mtail_arguments
            cap_drop        = ["all"]
            network_mode    = "host"
            readonly_rootfs = true
            security_opt    = ["no-new-privileges"]

            healthchecks {
              disable = true
            }
          }
        }

        logs {
          max_files     = 4
          max_file_size = 10
        }

        resources {
          cpu    = 50
          memory = 64
        }
      }
    }
  }
}
