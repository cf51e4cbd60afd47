//! The end of reading: references are resolved, and everything is put in the order of time.

use super::HistoryReader;
use crate::history::RunHistory;

impl HistoryReader {
    /// Returns the history of all lines that were taken.
    #[must_use]
    pub fn finish(mut self) -> RunHistory {
        self.set_ends();
        self.set_parents();
        self.set_commands();
        let mut order: Vec<usize> = (0..self.programs.len()).collect();
        order.sort_by_key(|&at| (self.programs[at].run.began, at));
        let mut place = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            place[old] = new;
        }
        let moved = |index: Option<usize>| place.get(index?).copied();
        let mut programs: Vec<Option<_>> = self.programs.into_iter().map(|read| Some(read.run)).collect();
        let mut sorted = Vec::with_capacity(programs.len());
        for old in order {
            let Some(mut run) = programs.get_mut(old).and_then(Option::take) else { continue };
            // A record that lies makes no circle: what is above a program began before it.
            run.parent = moved(run.parent).filter(|parent| *parent < sorted.len());
            run.go_command = moved(run.go_command);
            sorted.push(run);
        }
        for run in &sorted {
            if let (Some(job), Some(ended)) = (self.jobs.get_mut(run.job), run.ended) {
                job.lasted(ended);
            }
        }
        let mut findings = Vec::with_capacity(self.findings.len());
        for (mut finding, program) in self.findings {
            finding.program = moved(program);
            if let Some(run) = finding.program.and_then(|at| sorted.get(at)) {
                finding.job = run.job;
            }
            findings.push(finding);
        }
        findings.sort_by_key(|finding| finding.time);
        self.stops.sort_by_key(|stop| stop.time);
        let mut history = RunHistory {
            jobs: self.jobs,
            programs: sorted,
            findings,
            stops: self.stops,
            completeness: self.completeness,
        };
        history.sort_jobs();
        history
    }

    /// Sets the end of each program: the next program of its process, or the end of the process.
    fn set_ends(&mut self) {
        for process in &mut self.processes.all {
            process.programs.sort_by_key(|&at| self.programs[at].run.began);
            for pair in process.programs.windows(2) {
                if let [earlier, later] = *pair {
                    self.programs[earlier].run.ended = Some(self.programs[later].run.began);
                }
            }
            if let Some(&last) = process.programs.last() {
                let run = &mut self.programs[last].run;
                (run.ended, run.exit) = (process.ended.map(|ended| ended.max(run.began)), process.exit);
            }
        }
    }

    /// Sets the parent of each program: what the nearest process above executed when the process was forked.
    fn set_parents(&mut self) {
        for at in 0..self.processes.all.len() {
            let Some((above, child)) = self.processes.above(at) else { continue };
            let began = |&program: &usize| self.programs[program].run.began;
            let forked = child.created.or_else(|| self.processes.all[at].programs.first().map(began));
            let candidates = &self.processes.all[above].programs;
            let running =
                candidates.iter().rfind(|&program| forked.is_none_or(|time| began(program) <= time));
            let parent = running.or(candidates.first()).copied();
            for &program in &self.processes.all[at].programs {
                self.programs[program].run.parent = parent;
            }
        }
    }

    /// Sets the go command and the short hash of each program.
    fn set_commands(&mut self) {
        for at in 0..self.programs.len() {
            let read = &self.programs[at];
            let command = read.go_command.as_deref().and_then(|id| self.processes.find(id));
            let command = command.and_then(|process| self.processes.all[process].programs.last().copied());
            let digest = read.image.as_ref().and_then(|image| self.images.get(image)).cloned();
            let run = &mut self.programs[at].run;
            run.go_command = command.filter(|command| *command != at);
            if let Some(digest) = digest.filter(|_| run.digest.is_empty()) {
                run.digest = digest;
            }
        }
    }
}

impl RunHistory {
    /// Sorts the jobs by their first program start; those without one come last.
    fn sort_jobs(&mut self) {
        let mut order: Vec<usize> = (0..self.jobs.len()).collect();
        order.sort_by_key(|&at| (self.jobs[at].began.is_none(), self.jobs[at].began, at));
        let mut place = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            place[old] = new;
        }
        let mut jobs: Vec<_> = std::mem::take(&mut self.jobs).into_iter().map(Some).collect();
        self.jobs = order.iter().filter_map(|&old| jobs.get_mut(old)?.take()).collect();
        let moved = |job: usize| place.get(job).copied().unwrap_or(0);
        self.programs.iter_mut().for_each(|program| program.job = moved(program.job));
        self.findings.iter_mut().for_each(|finding| finding.job = moved(finding.job));
        self.stops.iter_mut().for_each(|stop| stop.job = moved(stop.job));
    }
}
