//! Names of the `cicd.*` and `vcs.*` attributes (semantic conventions v1.44.0).

/// The commit.
pub const REVISION: &str = "vcs.ref.head.revision";
/// Branch or tag.
pub const REF: &str = "vcs.ref.head.name";
/// Repository.
pub const REPOSITORY: &str = "vcs.repository.url.full";
/// Pull or merge request.
pub const CHANGE: &str = "vcs.change.id";
/// Name of the pipeline.
pub const PIPELINE: &str = "cicd.pipeline.name";
/// Run of the pipeline.
pub const RUN: &str = "cicd.pipeline.run.id";
/// Link to the run.
pub const RUN_URL: &str = "cicd.pipeline.run.url.full";
/// Name of the job.
pub const TASK: &str = "cicd.pipeline.task.name";
/// Run of the job; unique within the run of the pipeline.
pub const TASK_RUN: &str = "cicd.pipeline.task.run.id";
/// Link to the job.
pub const TASK_URL: &str = "cicd.pipeline.task.run.url.full";
/// Id of the worker.
pub const WORKER: &str = "cicd.worker.id";
/// Name of the worker.
pub const WORKER_NAME: &str = "cicd.worker.name";
