# The load balancer before bcryptd's instances: nginx on every node of its class, with the instances
# that the catalogue names. Without a load balancer of the cloud this is what clients speak to.
#
# A change in the catalogue is a reload: connections stay, requests that run end with the old list.

variable "datacenters" {
  type        = list(string)
  description = "Where it runs."
  default     = ["*"]
}

variable "node_class" {
  type        = string
  description = "Class of the nodes that it runs on, one instance each; empty is all nodes."
  default     = ""
}

variable "user" {
  type        = string
  description = "User of nginx on the node."
  default     = "www-data"
}

variable "user_id" {
  type        = number
  description = "Number of that user, the owner of the TLS key."
  default     = 33
}

variable "nginx" {
  type        = string
  description = "The directory nginx/ of this repository, from the directory in which the job is submitted."
  default     = "nginx"
}

variable "https_port" {
  type        = number
  description = "Port that clients use."
  default     = 443
}

variable "internal_port" {
  type        = number
  description = "Port of the health check and of nginx's own counters."
  default     = 9181
}

variable "server_name" {
  type        = string
  description = "Name of the service, in the certificates of the balancer and of the instances."
  default     = "localhost"
}

variable "environment" {
  type        = string
  description = "Environment, the tag of the instances that it takes."
  default     = "staging"

  validation {
    condition     = regex_replace(var.environment, "^[a-z][a-z0-9-]*$", "") == ""
    error_message = "The environment is a name of lower-case letters, digits and hyphens."
  }
}

variable "provider" {
  type        = string
  description = "Catalogue that has the instances. Consul's leaves out those whose check fails."
  default     = "nomad"

  validation {
    condition     = contains(["nomad", "consul"], var.provider)
    error_message = "The provider is nomad or consul."
  }
}

locals {
  # Of bcryptd's own tree, what is the same here: TLS, the bounds on clients, the log without passwords.
  shared = ["clients", "log", "routes", "tls"]

  instances = {
    nomad  = "range nomadService \"bcryptd\""
    consul = "range service \"bcryptd\""
  }

  configuration = <<-END
    worker_processes 1;
    worker_rlimit_core 0;
    worker_rlimit_nofile 16384;
    # As in bcryptd's nginx.conf, for the same reasons.
    worker_shutdown_timeout 10s;
    env GLIBC_TUNABLES=glibc.malloc.perturb=165:glibc.malloc.tcache_count=0;
    env LD_BIND_NOW=1;
    error_log stderr crit;

    events {
        worker_connections 8192;
    }

    http {
        include bcryptd/log.conf;
        include bcryptd/routes.conf;
        include bcryptd/clients.conf;
        include bcryptd/tls.conf;
        access_log /dev/stdout bcryptd;

        client_body_temp_path [[ env "NOMAD_TASK_DIR" ]]/body;
        fastcgi_temp_path [[ env "NOMAD_TASK_DIR" ]]/fastcgi;
        proxy_temp_path [[ env "NOMAD_TASK_DIR" ]]/proxy;
        scgi_temp_path [[ env "NOMAD_TASK_DIR" ]]/scgi;
        uwsgi_temp_path [[ env "NOMAD_TASK_DIR" ]]/uwsgi;

        # An instance that does not answer is left alone for two seconds, long before the catalogue
        # has noticed.
        upstream bcryptd {
            least_conn;
            [[- ${local.instances[var.provider]} ]]
            [[- if .Tags | contains "${var.environment}" ]]
            server [[ .Address ]]:[[ .Port ]] max_fails=1 fail_timeout=2s;
            [[- end ]]
            [[- end ]]
            # For when there is none: nginx does not start with an empty list. It refuses at once.
            server 127.0.0.1:9 backup max_fails=0;
            # Connections are not kept: a request on one to a machine that has just died would wait for
            # an answer until proxy_read_timeout, where a new connection fails after two seconds.
        }

        server {
            listen ${var.https_port} ssl http2;
            server_name ${var.server_name};
            ssl_certificate [[ env "NOMAD_SECRETS_DIR" ]]/certificate.pem;
            ssl_certificate_key [[ env "NOMAD_SECRETS_DIR" ]]/certificate.key;

            location / {
                proxy_pass https://bcryptd;
                proxy_http_version 1.1;
                proxy_set_header Host ${var.server_name};
                # Not what the client says of it: its rate is limited by this.
                proxy_set_header X-Forwarded-For $remote_addr;
                proxy_ssl_name ${var.server_name};
                proxy_ssl_server_name on;
                proxy_ssl_verify on;
                proxy_ssl_verify_depth 2;
                proxy_ssl_trusted_certificate [[ env "NOMAD_SECRETS_DIR" ]]/authority.pem;
                proxy_buffer_size 4k;
                proxy_max_temp_file_size 0;

                # A hash may be computed twice, so what an instance lost is asked of another one. Not
                # its 503: that is its honest answer, and asking on would spread an overload.
                # For the connection and its TLS together.
                proxy_connect_timeout 2s;
                proxy_read_timeout 35s;
                proxy_next_upstream error timeout invalid_header non_idempotent;
                proxy_next_upstream_tries 3;
                proxy_next_upstream_timeout 10s;

                error_page 502 504 =503 @none;
            }

            location @none {
                default_type application/problem+json;
                add_header Retry-After 1 always;
                return 503 '{"type":"/problems/overloaded","title":"Service overloaded","status":503,"detail":"No instance took the request; wait as Retry-After says.","request_id":"$request_id"}\n';
            }
        }

        server {
            listen [[ env "NOMAD_ADDR_internal" ]];
            access_log off;

            location = /readyz {
                default_type application/json;
                return 200 '{"status":"ready"}\n';
            }

            location = /nginx_status {
                stub_status;
            }

            location / {
                return 404;
            }
        }
    }
  END

  nginx_files = merge(
    { for name in local.shared : "bcryptd/${name}.conf" => file("${var.nginx}/bcryptd/${name}.conf") },
    { "nginx.conf" = local.configuration },
  )

  secrets = {
    "authority.pem"   = "authority"
    "certificate.pem" = "certificate"
    "certificate.key" = "key"
  }

  nginx_arguments = [
    "-e", "stderr", "-c", "$${NOMAD_TASK_DIR}/nginx/nginx.conf",
    "-g", "daemon off; pid \"$${NOMAD_TASK_DIR}/nginx.pid\";",
  ]
}

job "load-balancer" {
  type        = "system"
  datacenters = var.datacenters

  constraint {
    attribute = "$${node.class}"
    operator  = "regexp"
    value     = var.node_class == "" ? ".*" : "^${var.node_class}$"
  }

  # One after the other.
  update {
    max_parallel = 1
    stagger      = "30s"
  }

  group "load-balancer" {
    restart {
      attempts = 10
      interval = "5m"
      delay    = "1s"
      mode     = "delay"
    }

    network {
      mode = "host"

      port "https" {
        static = var.https_port
      }

      port "internal" {
        static = var.internal_port
      }
    }

    service {
      name     = "load-balancer"
      provider = var.provider
      port     = "https"
      tags     = [var.environment]

      check {
        name     = "ready"
        type     = "http"
        port     = "internal"
        path     = "/readyz"
        interval = "5s"
        timeout  = "2s"
      }
    }

    task "nginx" {
      driver       = "exec"
      user         = var.user
      kill_signal  = "SIGQUIT"
      kill_timeout = "15s"

      dynamic "template" {
        for_each = local.nginx_files

        content {
          data            = template.value
          destination     = "local/nginx/${template.key}"
          left_delimiter  = "[["
          right_delimiter = "]]"
          change_mode     = "signal"
          change_signal   = "SIGHUP"

          # Several changes at once are one reload.
          wait {
            min = "1s"
            max = "3s"
          }
        }
      }

      # nomad var put nomad/jobs/load-balancer certificate=@… key=@… authority=@…
      dynamic "template" {
        for_each = local.secrets

        content {
          data          = "{{ with nomadVar \"nomad/jobs/load-balancer\" }}{{ .${template.value} }}{{ end }}\n"
          destination   = "secrets/${template.key}"
          perms         = "0400"
          uid           = var.user_id
          gid           = var.user_id
          change_mode   = "signal"
          change_signal = "SIGHUP"
        }
      }

      config {
        command  = "/usr/sbin/nginx"
        args     = local.nginx_arguments
        cap_drop = ["all"]
        cap_add  = ["net_bind_service"]
      }

      env {
        GLIBC_TUNABLES = "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0"
        LD_BIND_NOW    = "1"
      }

      resources {
        cpu    = 300
        memory = 128
      }
    }
  }
}
