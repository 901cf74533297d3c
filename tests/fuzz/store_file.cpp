// covers: store/decoder.hpp store/file.hpp store/data.hpp store/store.hpp
// store/answers.hpp
#include <powerconsul/store/file.hpp>

#include <optional>
#include <string>
#include <string_view>

#include <powerconsul/cluster/identity.hpp>
#include <powerconsul/consul/client.hpp>
#include <powerconsul/testing/manual_clock.hpp>

#include "fuzz.hpp"

using namespace powerconsul;

namespace {

/// What the store answers is what the client understands, and holds the values that the file has.
void ask(store& from) {
    const store_data data = from.data();
    testing::manual_clock time;
    consul_client<store&, testing::manual_clock&> consul{from, time, seconds(5)};
    for (const auto& datacenter : data.datacenters()) {
        for (const auto& [key, value] : datacenter.kv) {
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
            }
        }
    }
    for (const auto& checks : {consul.agent_checks()}) fuzz::expect(checks.has_value(), "no checks of the agent");
    fuzz::expect(consul.agent().has_value(), "no agent");
    fuzz::expect(consul.datacenters().has_value(), "no datacenters");
}

/// A request that anybody may send; and the text of the file.
void run(std::string_view bytes) {
    fuzz::parts script{bytes};
    fuzz::parts request{script.next()};
    const std::string_view text = script.rest();
    auto made = load_store(text);
    if (!made) {
        const auto& why = made.error();
        fuzz::expect(why.code == errc::bad_data && fuzz::is_one_line(why.message) && is_utf8(why.message), "no reason",
                     why.message);
        return;
    }
    ask(*made);

    std::string_view line = request.next();
    constexpr http_method methods[] = {http_method::get, http_method::put, http_method::del, http_method::post};
    fuzz::choices pick{line};
    http_request any{methods[pick.of(4)], std::string{line.substr(line.empty() ? 0 : 1)}, "a body", seconds(5)};
    const auto answer = made->perform(any);
    fuzz::expect(answer && answer->status >= 200 && answer->status < 600, "no answer", any.target);
}

const fuzz::enlisted here{"store_file", run};

}  // namespace
