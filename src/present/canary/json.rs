//! The result as JSON: `intransit/canary/1` (contract §7).

use std::fmt::Write as _;

use super::Sheet;
use crate::assess::canary::{Bearing, Channel, Reason};
use crate::base::Dir;
use crate::dissect::inside::Hit;
use crate::flow::Endpoint;
use crate::present::export::json::Json;

pub(super) fn write(out: &mut Vec<u8>, sheet: &Sheet<'_>) {
    let canary = sheet.canary;
    let mut json = Json::new(out);
    json.raw("{\"schema\":\"intransit/canary/1\",\"message_sha256\":\"");
    let mut digest = String::new();
    for octet in sheet.message_sha256 {
        // Writing to a string cannot fail.
        let _ = write!(digest, "{octet:02x}");
    }
    json.raw(&digest);
    json.raw("\",\"verdict\":");
    json.word(canary.verdict.word());
    list(&mut json, ",\"reasons\":[", &canary.reasons, |json, reason| json.text(reason));
    json.raw(",\"keys\":{\"loaded\":");
    json.number(sheet.keys.map_or(0, |keys| keys.loaded));
    json.raw(",\"matched\":");
    json.number(sheet.keys.map_or(0, |keys| keys.matched));
    json.raw("}");
    list(&mut json, ",\"controls\":[", &canary.controls, |json, control| {
        json.raw(if control.evidence.is_some() { "{\"found\":true" } else { "{\"found\":false" });
        if let Some(evidence) = &control.evidence {
            json.evidence(evidence);
        }
        json.raw("}");
    });
    list(&mut json, ",\"channels\":[", &canary.channels, channel);
    if canary.hidden.connections > 0 {
        json.raw(",\"other_devices\":{\"connections\":");
        json.number(canary.hidden.connections as u64);
        json.raw(",\"readable\":");
        json.number(canary.hidden.readable as u64);
        json.raw("}");
    }
    json.raw("}\n");
}

fn channel(json: &mut Json<'_>, channel: &Channel) {
    json.raw("{\"source\":");
    endpoint(json, channel.connection.client);
    json.raw(",\"destination\":");
    endpoint(json, channel.connection.server);
    if let Some(name) = channel.server_name() {
        json.raw(",\"server_name\":");
        json.bytes(name.as_bytes());
    }
    if let Some(of) = &channel.connection.attribution {
        json.raw(",\"platform\":");
        json.text(&of.platform);
    }
    json.raw(",\"verdict\":");
    json.word(channel.verdict.word());
    if let Some(bearing) = channel.bears_on() {
        json.raw(",\"refutes_claim\":");
        json.raw(if bearing == Bearing::Refutes { "true" } else { "false" });
    }
    list(json, ",\"reasons\":[", &channel.reasons, |json, reason: &Reason| json.text(&reason.to_string()));
    let (opened, of) = channel.records();
    json.raw(",\"decrypted\":{\"records\":");
    json.number(opened);
    json.raw(",\"of\":");
    json.number(of);
    json.raw("}");
    list(json, ",\"hits\":[", &channel.hits, hit);
    let mut signs: Vec<&str> = channel.sealed.iter().map(|sealed| sealed.container.word()).collect();
    signs.sort_unstable();
    signs.dedup();
    list(json, ",\"signs\":[", &signs, |json, sign| json.word(sign));
    json.raw("}");
}

fn hit(json: &mut Json<'_>, hit: &Hit) {
    json.raw("{\"direction\":");
    json.word(if hit.dir == Dir::Client { "client-to-server" } else { "server-to-client" });
    json.raw(",\"chain\":");
    json.text(&hit.chain);
    json.evidence(&hit.evidence);
    json.raw(",\"time\":");
    json.time(hit.at);
    json.raw(",\"excerpt\":");
    json.text(&hit.excerpt);
    json.raw("}");
}

fn endpoint(json: &mut Json<'_>, end: Endpoint) {
    json.raw("{\"ip\":");
    json.text(&end.ip.to_string());
    json.raw(",\"port\":");
    json.number(u64::from(end.port));
    json.raw("}");
}

fn list<T>(json: &mut Json<'_>, begin: &str, items: &[T], mut one: impl FnMut(&mut Json<'_>, &T)) {
    json.raw(begin);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            json.raw(",");
        }
        one(json, item);
    }
    json.raw("]");
}
