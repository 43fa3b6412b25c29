log_level = "INFO"
data_dir = "/opt/nomad"
/* set_environment_variables = "in a comment" */
client {
  enabled = true
  servers = ["nomad.example.com:4647"]
  artifact {
    set_environment_variables = "HTTP_PROXY, HTTPS_PROXY,no_proxy"
  }
  meta { "note" = "it's \"quoted\" // here" }
}
# set_environment_variables = "nor here"
telemetry { collection_interval = "10s" }
