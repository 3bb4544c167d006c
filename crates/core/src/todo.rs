//! To-dos.

mod create_personal_task;
mod create_task;
mod delete_task;
mod get_task;
mod get_task_by_source;
mod query_tasks;
mod task;
mod update_executor_status;
mod update_task;

pub use create_personal_task::{CreatePersonalTask, PersonalTask};
pub use create_task::{CreateTask, TaskAction, TaskKind, TaskPriority};
pub use delete_task::DeleteTask;
pub use get_task::GetTask;
pub use get_task_by_source::GetTaskBySource;
pub use query_tasks::{QueryTasks, TaskCard, TaskPage, TaskRole};
pub use task::{ContentField, DetailUrl, NotifyConfigs, Task, TaskChange};
pub use update_executor_status::UpdateExecutorStatus;
pub use update_task::UpdateTask;
