// covers: store/file.hpp store/filter.hpp store/data.hpp store/store.hpp store/answers.hpp store/requests.hpp
#include <powerconsul/store/file.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include <powerconsul/cluster/identity.hpp>
#include <powerconsul/consul/client.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/testing/fakes.hpp>

#include "fuzz.hpp"

using namespace powerconsul;

namespace {

/// What the store answers is what the client understands, and holds the values that the file has.
void ask(store& from) {
    const store_data data = from.data();
    testing::manual_clock time;
    consul_client<store&, testing::manual_clock&> consul{from, time, seconds(5)};
    for (const auto& datacenter : data.datacenters()) {
        for (const auto& [key, value] : datacenter.kv.all()) {
            const auto read = consul.read_key(key, datacenter.name);
            fuzz::expect(read && *read, "a key is lost", key, read ? "" : read.error().message);
            fuzz::expect((*read)->value == value.bytes && (*read)->modify_index == value.modified, "another value",
                         key);
        }
        for (const auto& [name, node] : datacenter.nodes) {
            for (const auto& [id, instance] : node.instances) {
                if (!validate_segment("the service", instance.service)) continue;  // no check takes it
                const auto all = consul.instances(instance.service, {datacenter.name});
                fuzz::expect(all.size() == 1 && all.front().instances, "no instances", instance.service,
                             all.front().instances ? "" : all.front().instances.error().message);
                bool found = false;
                for (const auto& each : *all.front().instances) found = found || each.node == name;
                fuzz::expect(found, "an instance is lost", instance.service, name);
                const auto here = consul.instances_on({{name, datacenter.name}}, instance.service);
                fuzz::expect(here.size() == 1 && here.front().instances, "the node cannot be asked", name,
                             here.front().instances ? "" : here.front().instances.error().message);
                fuzz::expect(instance.checks.empty() || !here.front().instances->empty(), "an instance is lost there",
                             instance.service, name);
            }
        }
    }
    for (const auto& checks : {consul.agent_checks()}) fuzz::expect(checks.has_value(), "no checks of the agent");
    fuzz::expect(consul.agent().has_value(), "no agent");
    fuzz::expect(consul.datacenters().has_value(), "no datacenters");
}

auto all_keys(const store& from) -> std::string {
    std::string text;
    for (const auto& each : from.data().datacenters()) text += store_answers::values(each.kv, "") + '\n';
    return text;
}

/// A line is a request: a byte that chooses the method, the target and, behind a tab, the body. `$` is the session that
/// was made last. A line of `T` moves the time on.
void send(store& to, std::string_view lines) {
    std::string last = "none";
    std::int64_t now = 0;
    for (unsigned count = 0; count < 16 && !lines.empty(); ++count) {
        const std::string_view line = next_part(lines, '\n');
        if (line == "T") {
            to.set_time(seconds(now += 15));
            continue;
        }
        fuzz::choices pick{line};
        constexpr http_method methods[] = {http_method::get, http_method::put, http_method::del, http_method::post};
        http_request any{methods[pick.of(4)], {}, {}, seconds(5)};
        std::string filled;
        for (const char c : line.substr(line.empty() ? 0 : 1)) filled += c == '$' ? last : std::string{c};
        std::string_view rest = filled;
        any.target = next_part(rest, '\t');
        any.body = rest;

        const auto keys = all_keys(to);
        const auto index = to.data().index();
        const auto answer = to.perform(any);
        fuzz::expect(answer && answer->status >= 200 && answer->status < 600, "no answer", any.target);
        const bool done = any.method != http_method::get && answer->status == 200 && answer->body != "false";
        fuzz::expect(done || all_keys(to) == keys, "a key has changed", any.target, answer->body);
        fuzz::expect(to.data().index() >= index, "the index goes back", any.target);
        const auto shown = whole_number(answer->header("X-Consul-Index"));
        fuzz::expect(shown.value_or(1) <= to.data().index(), "an index of the future", any.target);
        if (answer->status != 200 && answer->status != 409) continue;
        const bool is_raw = any.target.find("raw") != std::string::npos;
        const auto read = json::parse(answer->body);
        fuzz::expect(is_raw || read, "not JSON", any.target, answer->body);
        if (const auto* const id = read ? read->find("ID") : nullptr) last = id->text;
    }
}

/// Requests that anybody may send; and the text of the file.
void run(std::string_view bytes) {
    fuzz::parts script{bytes};
    const std::string_view requests = script.next();
    const std::string_view text = script.rest();
    auto made = load_store(text);
    if (!made) {
        const auto& why = made.error();
        fuzz::expect(why.code == errc::bad_data && fuzz::is_one_line(why.message) && is_utf8(why.message), "no reason",
                     why.message);
        return;
    }
    ask(*made);
    send(*made, requests);
}

const fuzz::enlisted here{"store_file", run};

}  // namespace
