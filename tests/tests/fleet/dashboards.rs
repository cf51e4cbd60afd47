//! The dashboards of `deploy/grafana` and the alerts of `deploy/prometheus`: each panel's SQL finds something in the
//! simulated fleet, and each metric is one that tracego has.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::{Test, deployed, nodes::FLEET};

pub(crate) const STORED: &[(&str, Test)] =
    &[("each panel shows the simulated fleet", each_panel_shows_the_simulated_fleet)];
pub(crate) const NAMED: &[(&str, Test)] =
    &[("alerts and panels name metrics that there are", alerts_and_panels_name_metrics_that_there_are)];

/// Returns the SQL of a panel for two hours of the simulated fleet, without the macros of Grafana's data source.
fn expanded(sql: &str) -> String {
    let (from, to) = ("toDateTime('2026-11-25 02:00:00', 'UTC')", "toDateTime('2026-11-25 04:10:00', 'UTC')");
    let mut parts = sql.split("$__timeFilter(");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (column, rest) = part.split_once(')').unwrap();
        text += &format!("({column} >= {from} AND {column} <= {to}){rest}");
    }
    text.replace("$__fromTime", from).replace("$__toTime", to)
}

fn each_panel_shows_the_simulated_fleet() {
    let mut count = 0;
    for file in fs::read_dir(deployed("grafana")).unwrap() {
        let dashboard: Value = serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            let sql = expanded(panel["targets"][0]["rawSql"].as_str().unwrap());
            assert!(!sql.contains("$__"), "{sql}");
            let rows = FLEET.query(&sql);
            assert!(!rows.is_empty(), "{}: {} shows nothing: {sql}", dashboard["title"], panel["title"]);
            count += 1;
        }
    }
    assert_eq!(count, 20);
}

/// Returns the metrics of tracego in a text.
fn metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("tracego_")).collect()
}

fn alerts_and_panels_name_metrics_that_there_are() {
    let document = fs::read_to_string(deployed("../docs/metrics.md")).unwrap();
    let known = metrics(&document);
    for name in ["alerts.yml", "agents.json"] {
        let text = fs::read_to_string(deployed("prometheus").join(name)).unwrap();
        let named = metrics(&text);
        assert!(named.len() >= 7, "{name}: {named:?}");
        for metric in named {
            // A histogram has the samples _bucket, _sum and _count.
            let metric = metric.strip_suffix("_bucket").unwrap_or(metric);
            assert!(known.contains(metric), "{name}: docs/metrics.md does not have {metric}");
        }
    }
    let rules = deployed("prometheus/alerts.yml");
    if let Ok(output) = std::process::Command::new("promtool").args(["check", "rules"]).arg(rules).output() {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
