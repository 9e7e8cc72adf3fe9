//! The DNS for the engines of kluis-mail: their questions are looked up, several at a time, and answers remembered.

use std::collections::HashMap;

use futures_util::future::join_all;
use kluis_mail::dns::{Answer, Question, RecordKind};

use crate::dns::Dns;

/// Questions asked at most; the rest of the budget is for DNSSEC.
const QUESTIONS_MAX: u32 = 130;
/// After so many failures nothing more is asked: the DNS does not work, and asking on only costs time.
const FAILURES_MAX: u32 = 6;

/// Answers so far, and what may still be asked.
pub(super) struct Lookups {
    dns: Dns,
    answers: HashMap<Question, Answer>,
    asked: u32,
    failures: u32,
}

impl Lookups {
    pub(super) fn new(dns: Dns) -> Self {
        Self { dns, answers: HashMap::new(), asked: 0, failures: 0 }
    }

    /// What is known, for the engines.
    pub(super) fn answers(&self) -> &HashMap<Question, Answer> {
        &self.answers
    }

    /// The DNS itself, for what the engines do not ask.
    pub(super) fn dns(&self) -> &Dns {
        &self.dns
    }

    /// Questions that were asked.
    pub(super) fn asked(&self) -> u32 {
        self.asked
    }

    /// Whether a question may still be asked; it is counted.
    pub(super) fn spend(&mut self) -> bool {
        let may = self.asked < QUESTIONS_MAX && self.failures < FAILURES_MAX;
        self.asked += u32::from(may);
        may
    }

    /// Counts a question without an answer.
    pub(super) fn failed(&mut self) {
        self.failures += 1;
    }

    /// Looks up questions; one that may not be asked any more counts as not answered.
    pub(super) async fn look_up(&mut self, questions: Vec<Question>) {
        let mut asked = Vec::new();
        for question in questions {
            if self.answers.contains_key(&question) {
                continue;
            }
            if self.spend() {
                asked.push(question);
            } else {
                self.answers.insert(question, Answer::Failed);
            }
        }
        let found = join_all(asked.iter().map(|question| self.dns.mail_answer(question))).await;
        self.failures +=
            u32::try_from(found.iter().filter(|found| **found == Answer::Failed).count()).unwrap_or(0);
        self.answers.extend(asked.into_iter().zip(found));
    }

    /// One answer.
    pub(super) async fn get(&mut self, name: &str, kind: RecordKind) -> &Answer {
        const FAILED: &Answer = &Answer::Failed;
        let question = Question::new(name, kind);
        self.look_up(vec![question.clone()]).await;
        self.answers.get(&question).unwrap_or(FAILED)
    }

    /// Runs an engine until it has what it needs. Every round answers at least one question of a bounded number, so it
    /// ends; should an engine ask the same again, it ends too.
    pub(super) async fn run<T>(
        &mut self,
        engine: impl Fn(&HashMap<Question, Answer>) -> Result<T, Vec<Question>>,
    ) -> Option<T> {
        loop {
            let questions = match engine(&self.answers) {
                Ok(found) => return Some(found),
                Err(questions) => questions,
            };
            let known = self.answers.len();
            self.look_up(questions).await;
            if self.answers.len() == known {
                return None;
            }
        }
    }
}
