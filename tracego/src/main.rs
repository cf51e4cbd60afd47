//! x
use tracego::kernel::load::*;
fn main() { let o = LoadOptions { settings: tracego_common::Settings { events: 7, filters: 0, agent_tgid: 0, uid: 0, cgroup_id: 0, comm: [0;16], env_names: 1, argv_max: 131072 }, ring_size: 16<<20, env: vec![EnvName{name:"GIT_COMMIT".into(),opens_job:true}] }; match load(&o) { Ok(l) => { eprintln!("missing {:?}", l.missing); std::thread::sleep(std::time::Duration::from_secs(1)); eprintln!("{:?}", tracego::kernel::counters::Counters::read(&l.ebpf)); } Err(e) => eprintln!("{e}") } }
