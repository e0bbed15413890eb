//! `kubernetes`: a Deployment with the time limits of the plan.
//!
//! A lame duck replaces the usual `sleep` in a `preStop` hook: after SIGTERM the app itself goes on serving for a
//! while, as not ready. Its time is a part of `shutdown_timeout`, it works in images without a shell, and it appears
//! in the report.

use std::fmt::Write as _;
use std::time::Duration;

use crate::base::duration::show;
use crate::view::print::deployment::{ADMIN_PORT, Service, whole_seconds, yaml};

/// The longest period of the startup probe, in seconds.
const LONGEST_PERIOD: u64 = 10;
/// How many periods of the startup probe `startup_timeout` is divided into.
const PERIODS: u64 = 60;

pub(super) fn render(service: &Service) -> String {
    let service = service.in_container();
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
            "          # After SIGTERM the app goes on serving for {}, as not ready, while load balancers remove it: no\n          \
             # `preStop` hook has to sleep.",
            show(lame_duck)
        );
    }
    if !service.environment.is_empty() {
        text.push_str("          env:\n");
    }
    for (variable, value) in &service.environment {
        let _ = writeln!(
            text,
            "            - name: {variable}\n              value: {}",
            yaml(value)
        );
    }
    probes(&mut text, &service);
    text.push_str(
        "          # Measure the app, then set what it needs: without requests, other pods on the node can starve it.
          # resources:
          #   requests: { cpu: 100m, memory: 128Mi }
          #   limits: { memory: 256Mi }
",
    );
    text
}

/// Prints the probes, each with a comment on what its failure means.
fn probes(text: &mut String, service: &Service) {
    if !service.built.admin {
        text.push_str(
            "          # No probes: the app is built without the feature `admin` of `lifecycle`, which serves them.\n",
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
          # Allows the startup its {startup} (`startup_timeout`).
          startupProbe:
            httpGet: {{ path: /startupz, port: admin }}
            periodSeconds: {period}
            failureThreshold: {failures}
          # Fails only if the runtime does not respond: a busy app, or one whose database is down, is not killed.
          livenessProbe:
            httpGet: {{ path: /livez, port: admin }}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 3
          # Often enough to fail within the lame duck.
          readinessProbe:
            httpGet: {{ path: /readyz, port: admin }}
            periodSeconds: 2
            timeoutSeconds: 1
            failureThreshold: 2
",
        startup = show(service.startup.max(Duration::from_secs(1))),
    );
}
