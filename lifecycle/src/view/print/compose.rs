//! `compose`: a service of a [compose file](https://docs.docker.com/reference/compose-file/services/).

use std::fmt::Write as _;

use crate::view::print::deployment::{ADMIN_PORT, Service, yaml};

pub(super) fn render(service: &Service) -> String {
    let service = service.clone().behind_load_balancers();
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
    let mut environment = service.environment.clone();
    if service.built.admin {
        let admin = format!("0.0.0.0:{ADMIN_PORT}");
        environment.push(("LIFECYCLE_ADMIN".to_owned(), admin));
    }
    if !environment.is_empty() {
        text.push_str("    environment:\n");
    }
    for (variable, value) in &environment {
        let _ = writeln!(text, "      {variable}: {}", compose(value));
    }
    if service.built.admin {
        let start = service.start_limit();
        let _ = write!(
            text,
            "    # Asked inside of the container, where `wget` must be: leave it out of an image without.
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
            "    # No `healthcheck`: the app is built without the feature `admin` of `lifecycle`, which answers it.\n",
        );
    }
    text
}

/// `$` would begin a variable of compose.
fn compose(text: &str) -> String {
    yaml(&text.replace('$', "$$"))
}
