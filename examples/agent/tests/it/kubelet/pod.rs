//! [`Pod`]: does with a program what the kubelet does with the container of a pod, as the manifest says.
//!
//! The rules come from `pkg/kubelet/prober/worker.go` and from the page "Pod Lifecycle" of the Kubernetes
//! documentation.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use lifecycle_tests::harness::{End, Program, Run, Signal};
use lifecycle_tests::http::{ask, own_address};
use serde::Deserialize;

/// How long a balancer sends requests to a deleted pod before it learns of the deletion.
const PROPAGATION: Duration = Duration::from_secs(1);
/// The limit of a wait, far beyond what a test expects.
const LIMIT: Duration = Duration::from_secs(60);

/// The part of a Deployment that the kubelet reads.
#[derive(Deserialize)]
struct Deployment {
    spec: DeploymentSpec,
}

#[derive(Deserialize)]
struct DeploymentSpec {
    template: Template,
}

#[derive(Deserialize)]
struct Template {
    spec: PodSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    termination_grace_period_seconds: u64,
    containers: [Container; 1],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    env: Vec<Variable>,
    ports: Vec<Port>,
    startup_probe: Probe,
    liveness_probe: Probe,
    readiness_probe: Probe,
}

#[derive(Deserialize)]
struct Variable {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Port {
    name: String,
    container_port: u16,
}

/// A probe. Missing numbers have the defaults of Kubernetes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Probe {
    http_get: HttpGet,
    #[serde(default = "ten")]
    period_seconds: u64,
    #[serde(default = "one")]
    timeout_seconds: u64,
    #[serde(default = "three")]
    failure_threshold: u32,
}

#[derive(Deserialize)]
struct HttpGet {
    path: String,
    port: String,
}

fn one() -> u64 {
    1
}

fn three() -> u32 {
    3
}

fn ten() -> u64 {
    10
}

/// A pod with one container.
pub(crate) struct Pod {
    run: Run,
    status: Arc<Status>,
    grace: Duration,
}

/// The observed state of a pod.
pub(crate) struct Status {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    started: bool,
    ready: bool,
    /// The failed probe for which the container would be restarted.
    failed: Option<&'static str>,
    deleted: Option<Instant>,
    gone: bool,
    /// The number of successes and failures of each probe.
    answers: [(u32, u32); 3],
}

/// The end of a pod.
pub(crate) struct Ended {
    pub(crate) end: End,
    /// The grace period ended before the program.
    pub(crate) killed: bool,
    /// The time from SIGTERM, or from the start if the program ended by itself.
    pub(crate) took: Duration,
    /// The failed probe for which the container would be restarted.
    pub(crate) failed: Option<&'static str>,
    /// The number of successes and failures of the startup, liveness and readiness probes.
    pub(crate) answers: [(u32, u32); 3],
}

impl Pod {
    /// Starts the program as the manifest says, on an address of its own.
    pub(crate) fn create(program: Program, manifest: &str) -> Self {
        let deployment: Deployment = serde_norway::from_str(manifest).expect("a Deployment");
        let spec = deployment.spec.template.spec;
        let [container] = spec.containers;
        let mut address = own_address();
        let program = container.env.iter().fold(program, |program, variable| {
            // The manifest says to listen on all addresses of the pod; here the pod has one address of the machine.
            let value = variable.value.replace("0.0.0.0", &address.ip().to_string());
            program.env(&variable.name, value)
        });
        let status = Arc::new(Status {
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let run = program.start();
        let probes = [
            ("startup", container.startup_probe),
            ("liveness", container.liveness_probe),
            ("readiness", container.readiness_probe),
        ];
        for (kind, (name, probe)) in probes.into_iter().enumerate() {
            let port = container
                .ports
                .iter()
                .find(|port| port.name == probe.http_get.port);
            address.set_port(port.expect("a port of that name").container_port);
            let status = Arc::clone(&status);
            thread::spawn(move || status.probe(kind, name, address, &probe));
        }
        Self {
            run,
            status,
            grace: Duration::from_secs(spec.termination_grace_period_seconds),
        }
    }

    pub(crate) fn run(&mut self) -> &mut Run {
        &mut self.run
    }

    pub(crate) fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status)
    }

    /// Waits until the pod receives requests.
    pub(crate) fn until_ready(&self) {
        self.until(|state| state.ready);
    }

    /// Waits until each probe has succeeded.
    pub(crate) fn until_probed(&self) {
        self.until(|state| state.answers.iter().all(|(well, _)| *well > 0));
    }

    fn until(&self, is_so: impl Fn(&State) -> bool) {
        let state = self.status.state();
        let (state, _) = self
            .status
            .changed
            .wait_timeout_while(state, LIMIT, |state| !is_so(state) && !state.gone)
            .expect("no panic");
        assert!(is_so(&state), "in vain; probes: {:?}", state.answers);
    }

    /// Deletes the pod: SIGTERM, and SIGKILL after the grace period.
    pub(crate) fn delete(mut self) -> Ended {
        self.status
            .change(|state| state.deleted = Some(Instant::now()));
        let began = Instant::now();
        self.run.terminate();
        let killed = !self.run.ends_within(self.grace);
        if killed {
            self.run.signal(Signal::KILL);
        }
        self.ended(began, killed)
    }

    /// Waits for the program to end by itself.
    pub(crate) fn ends(self) -> Ended {
        self.ended(Instant::now(), false)
    }

    fn ended(self, began: Instant, killed: bool) -> Ended {
        let end = self.run.end();
        let took = began.elapsed();
        self.status.change(|state| state.gone = true);
        let state = self.status.state();
        Ended {
            end,
            killed,
            took,
            failed: state.failed,
            answers: state.answers,
        }
    }
}

impl Status {
    /// Whether the pod receives requests: it is ready, and its deletion is not yet known.
    pub(crate) fn in_service(&self) -> bool {
        let state = self.state();
        let going = state.deleted.is_some_and(|at| at.elapsed() > PROPAGATION);
        state.ready && !going && !state.gone
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    fn change(&self, how: impl FnOnce(&mut State)) {
        how(&mut self.state());
        self.changed.notify_all();
    }

    /// Probes at each tick, from the start of the container to its end.
    fn probe(&self, kind: usize, name: &'static str, address: SocketAddr, probe: &Probe) {
        let period = Duration::from_secs(probe.period_seconds);
        let mut next = Instant::now();
        let mut last = None;
        let mut in_a_row = 0;
        loop {
            let left = next.saturating_duration_since(Instant::now());
            let (state, _) = self
                .changed
                .wait_timeout_while(self.state(), left, |state| !state.gone)
                .expect("no panic");
            // The readiness probe continues while the pod is being deleted.
            let over = state.deleted.is_some() && name != "readiness";
            if state.gone || state.failed.is_some() || over {
                return;
            }
            next += period;
            // The startup probe runs until it succeeds, and the others after that.
            if state.started == (name == "startup") {
                continue;
            }
            drop(state);
            let limit = Duration::from_secs(probe.timeout_seconds);
            let answer = ask(address, "GET", &probe.http_get.path, "", limit);
            let good = answer.is_ok_and(|answer| (200..400).contains(&answer.status));
            in_a_row = if last == Some(good) { in_a_row + 1 } else { 1 };
            last = Some(good);
            let counts = good || in_a_row >= probe.failure_threshold;
            self.change(|state| {
                let (well, not) = &mut state.answers[kind];
                *if good { well } else { not } += 1;
                match name {
                    _ if !counts => {}
                    "readiness" => state.ready = good,
                    _ if !good => state.failed = Some(name),
                    "startup" => state.started = true,
                    _ => {}
                }
            });
        }
    }
}
