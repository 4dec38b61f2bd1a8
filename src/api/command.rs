//! Asking the controller, with a limit on the wait.

use std::time::Duration;

use actix::{Message, Recipient};
use actix_web::rt::time::timeout;

use crate::actors::{Commands, Refusal};
use crate::api::{ApiState, Problem, ProblemCode};

/// Sends a command and waits for its answer.
pub(super) async fn ask<M, T>(state: &ApiState, message: M, limit: Duration) -> Result<T, Problem>
where
    M: Message<Result = Result<T, Refusal>> + Send + 'static,
    T: Send + 'static,
    Commands: AsRef<Recipient<M>>,
{
    let recipient: &Recipient<M> = state.config.commands.as_ref();
    let Ok(_place) = state.commands.try_acquire() else {
        let message = "as many commands as may are under way";
        return Err(Problem::new(ProblemCode::Busy, message, "try again in a moment"));
    };
    match timeout(limit, recipient.send(message)).await {
        Ok(Ok(answer)) => answer.map_err(Problem::from),
        Ok(Err(mailbox)) => Err(Problem::new(
            ProblemCode::Unavailable,
            format!("the controller does not take commands: {mailbox}"),
            "the daemon is ending or broken; its log says why",
        )),
        Err(_) => Err(Problem::new(
            ProblemCode::Timeout,
            format!("the controller has not answered within {} s", limit.as_secs()),
            "the command may still be carried out; `enasctl status` says what the daemon does",
        )),
    }
}
