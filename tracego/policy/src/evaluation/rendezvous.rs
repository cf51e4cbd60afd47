//! A meeting point of two threads: one passes a question, the other returns the answer, one at a time.
//!
//! A channel would do the same with one more lock on each side, and a lock that is still held when the other
//! side wakes costs a second wake-up.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The state shared by both sides; see [`rendezvous`].
#[derive(Debug)]
struct RendezvousState<Q, A> {
    state: Mutex<Slots<Q, A>>,
    asked: Condvar,
    answered: Condvar,
}

#[derive(Debug)]
struct Slots<Q, A> {
    question: Option<Q>,
    answer: Option<A>,
    /// Whether a side was dropped.
    closed: bool,
}

/// The side that asks. Dropping it ends the other side.
#[derive(Debug)]
pub(super) struct Requester<Q, A>(Arc<RendezvousState<Q, A>>);

/// The side that answers.
#[derive(Debug)]
pub(super) struct Responder<Q, A>(Arc<RendezvousState<Q, A>>);

/// Error: the other side was dropped.
#[derive(Debug)]
pub(super) struct Disconnected;

/// Creates both sides.
pub(super) fn rendezvous<Q, A>() -> (Requester<Q, A>, Responder<Q, A>) {
    let shared = Arc::new(RendezvousState {
        state: Mutex::new(Slots { question: None, answer: None, closed: false }),
        asked: Condvar::new(),
        answered: Condvar::new(),
    });
    (Requester(shared.clone()), Responder(shared))
}

impl<Q, A> RendezvousState<Q, A> {
    /// Locks the state, which stays consistent even if a thread panicked while holding the lock.
    fn state(&self) -> MutexGuard<'_, Slots<Q, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.state().closed = true;
        self.asked.notify_all();
        self.answered.notify_all();
    }
}

impl<Q, A> Requester<Q, A> {
    /// Asks a question, which replaces an older one that was not taken.
    pub(super) fn ask(&self, question: Q) {
        self.0.state().question = Some(question);
        self.0.asked.notify_one();
    }

    /// Waits for the answer. Returns `None` if there is none within the given time.
    ///
    /// # Errors
    /// Fails if the other side was dropped.
    pub(super) fn answer(&self, within: Duration) -> Result<Option<A>, Disconnected> {
        let waits = |state: &mut Slots<Q, A>| state.answer.is_none() && !state.closed;
        let waited = self.0.answered.wait_timeout_while(self.0.state(), within, waits);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match state.answer.take() {
            None if state.closed => Err(Disconnected),
            answer => Ok(answer),
        }
    }
}

impl<Q, A> Responder<Q, A> {
    /// Waits for the next question. Returns `None` if a side was dropped.
    pub(super) fn question(&self) -> Option<Q> {
        let waits = |state: &mut Slots<Q, A>| state.question.is_none() && !state.closed;
        let waited = self.0.asked.wait_while(self.0.state(), waits);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        if state.closed { None } else { state.question.take() }
    }

    /// Answers the question. The answer is lost if the other side was dropped.
    pub(super) fn answer(&self, answer: A) {
        self.0.state().answer = Some(answer);
        self.0.answered.notify_one();
    }
}

impl<Q, A> Drop for Requester<Q, A> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<Q, A> Drop for Responder<Q, A> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn questions_have_answers_until_one_side_is_gone() {
        let (requester, responder) = rendezvous::<u32, u32>();
        let answering = thread::spawn(move || {
            let mut count = 0;
            while let Some(question) = responder.question() {
                assert!(question < 1000, "too large");
                responder.answer(question + 1);
                count += 1;
            }
            count
        });
        assert_eq!(requester.answer(Duration::ZERO).unwrap(), None);
        for question in 0..1000 {
            requester.ask(question);
            assert_eq!(requester.answer(Duration::from_secs(60)).unwrap(), Some(question + 1));
        }
        drop(requester);
        assert_eq!(answering.join().unwrap(), 1000);
        // A panic on the other side drops it.
        let (requester, responder) = rendezvous::<u32, u32>();
        let answering = thread::spawn(move || {
            let question = responder.question();
            assert_eq!(question, None, "no question");
        });
        requester.ask(1);
        requester.answer(Duration::from_secs(60)).unwrap_err();
        answering.join().unwrap_err();
    }
}
