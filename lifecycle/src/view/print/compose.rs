//! `compose`: a service of a [compose file](https://docs.docker.com/reference/compose-file/services/).

use std::fmt::Write as _;

use crate::view::print::deployment::{ADMIN_PORT, Service, yaml};

pub(super) fn render(service: &Service) -> String {
    let service = service.in_container();
    let name = &service.name;
    let grace = service.grace();
    let reason = service.grace_reason();
    let mut text = format!(
        "# Printed by LIFECYCLE_PRINT=compose: its times are those of the app.
services:
  {name}:
    # The image that you have built.
    image: {name}:latest
    restart: on-failure
    # {reason}
    # Docker's own default is 10s.
    stop_grace_period: {grace}s
"
    );
    if !service.arguments.is_empty() {
        let arguments: Vec<String> = service.arguments.iter().map(|text| compose(text)).collect();
        let _ = writeln!(text, "    command: [{}]", arguments.join(", "));
    }
    if !service.environment.is_empty() {
        text.push_str("    environment:\n");
    }
    for (variable, value) in &service.environment {
        let _ = writeln!(text, "      {variable}: {}", compose(value));
    }
    if service.built.admin {
        let start = service.start_limit();
        let _ = write!(
            text,
            "    # Runs inside the container: remove it if the image has no `wget`.
    healthcheck:
      test: [\"CMD\", \"wget\", \"-q\", \"-O\", \"/dev/null\", \"http://127.0.0.1:{ADMIN_PORT}/readyz\"]
      interval: 10s
      timeout: 5s
      retries: 3
      start_period: {start}s
"
        );
    } else {
        text.push_str(
            "    # No `healthcheck`: the app is built without the feature `admin` of `lifecycle`, which serves it.\n",
        );
    }
    text
}

/// Quotes a string. A `$` begins a variable in compose.
fn compose(text: &str) -> String {
    yaml(&text.replace('$', "$$"))
}
