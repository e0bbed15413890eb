//! `kubernetes`: a Deployment whose times are those of the plan.
//!
//! In place of a `sleep` in a `preStop` hook stands a lame duck: the app itself goes on serving for a while after
//! SIGTERM, as not ready. It counts from the same instant as everything else, works in images without a shell, and shows
//! in the report.

use std::fmt::Write as _;
use std::time::Duration;

use crate::base::duration::show;
use crate::view::print::deployment::{ADMIN_PORT, Service, whole_seconds, yaml};

/// Whatever `startup_timeout` is, the startup probe asks so often at least.
const LONGEST_PERIOD: u64 = 10;
/// Of `startup_timeout`, so long may pass before it is seen that the app is up.
const PERIODS: u64 = 60;

pub(super) fn render(service: &Service) -> String {
    let service = service.clone().behind_load_balancers();
    let name = &service.name;
    let grace = service.grace();
    let reason = service.grace_reason();
    let mut text = format!(
        "# Printed by LIFECYCLE_PRINT=kubernetes: its times are those of the app.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels:
    app.kubernetes.io/name: {name}
spec:
  replicas: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: {name}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: {name}
    spec:
      # {reason}
      terminationGracePeriodSeconds: {grace}
      containers:
        - name: {name}
          # The image that you have built.
          image: {name}:latest
"
    );
    if !service.arguments.is_empty() {
        text.push_str("          args:\n");
        for argument in &service.arguments {
            let _ = writeln!(text, "            - {}", yaml(argument));
        }
    }
    let lame_duck = service.lame_duck;
    if !lame_duck.is_zero() {
        let _ = writeln!(
            text,
            "          # After SIGTERM the app serves for {} as not ready, while load balancers look away: no `preStop`\n          \
             # hook has to sleep.",
            show(lame_duck)
        );
    }
    let mut environment = service.environment.clone();
    if service.built.admin {
        let admin = format!("0.0.0.0:{ADMIN_PORT}");
        environment.push(("LIFECYCLE_ADMIN".to_owned(), admin));
    }
    if !environment.is_empty() {
        text.push_str("          env:\n");
    }
    for (variable, value) in &environment {
        let _ = writeln!(
            text,
            "            - name: {variable}\n              value: {}",
            yaml(value)
        );
    }
    probes(&mut text, &service);
    text.push_str(
        "          # Measure the app, then say what it needs: without it any neighbour on the node can starve it.
          # resources:
          #   requests: { cpu: 100m, memory: 128Mi }
          #   limits: { memory: 256Mi }
",
    );
    text
}

fn probes(text: &mut String, service: &Service) {
    if !service.built.admin {
        text.push_str(
            "          # No probes: the app is built without the feature `admin` of `lifecycle`, which answers them.\n",
        );
        return;
    }
    let limit = service.start_limit();
    let period = (whole_seconds(service.startup) / PERIODS).clamp(1, LONGEST_PERIOD);
    let failures = limit.div_ceil(period);
    let _ = write!(
        text,
        "          ports:
            - name: admin
              containerPort: {ADMIN_PORT}
          # Until it is up, for {startup} (`startup_timeout`) at most.
          startupProbe:
            httpGet: {{ path: /startupz, port: admin }}
            periodSeconds: {period}
            failureThreshold: {failures}
          # Only whether its runtime still answers: a busy app, or one whose database is gone, is not killed.
          livenessProbe:
            httpGet: {{ path: /livez, port: admin }}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 3
          # Seen within the lame duck.
          readinessProbe:
            httpGet: {{ path: /readyz, port: admin }}
            periodSeconds: 2
            timeoutSeconds: 1
            failureThreshold: 2
",
        startup = show(service.startup.max(Duration::from_secs(1))),
    );
}
