// The embedded store on standard input and output, for test_store.py. The first argument is the text of a store's file.
// A line is a request or a change from outside, its words separated by a blank; what may be empty is in base64 behind
// a dash. The answer to a request is one line, too:
//
//     PUT /v1/kv/a?cas=0 -dmFsdWU=   ->   200 -dHJ1ZQ== [NAME:VALUE...]
//     check NODE ID STATUS           ->   ok
//     time MILLISECONDS              ->   ok
#include <powerconsul/store/file.hpp>

#include <iostream>
#include <sstream>
#include <string>

#include <powerconsul/core/base64.hpp>
#include <powerconsul/core/text.hpp>

using namespace powerconsul;

namespace {

auto answer(store& from, const std::string& line) -> std::string {
    std::istringstream words{line};
    std::string first;
    std::string second;
    std::string third;
    std::string fourth;
    words >> first >> second >> third >> fourth;
    if (first == "time") {
        from.set_time({static_cast<std::int64_t>(whole_number(second).value())});
        return "ok";
    }
    if (first == "check") {
        for (const auto each : {store_status::passing, store_status::warning, store_status::critical}) {
            if (to_string(each) != fourth) continue;
            return from.set_check(from.agent().datacenter, second, third, each) ? "ok" : "no such node";
        }
        return "no such status";
    }
    for (const auto method : {http_method::get, http_method::put, http_method::del, http_method::post}) {
        if (to_string(method) != first) continue;
        const auto said = from.perform({method, second, base64_decoded(third.substr(1)).value_or("")});
        if (!said) return said.error().message;
        std::string text = std::to_string(said->status) + " -" + base64_encoded(said->body);
        for (const auto& header : said->headers) text += ' ' + header.name + ':' + header.value;
        return text;
    }
    return "no such request";
}

}  // namespace

int main(int count, char** arguments) {
    auto made = load_store(count > 1 ? arguments[1] : "{}");
    if (!made) {
        std::cerr << made.error().message << '\n';
        return 1;
    }
    for (std::string line; std::getline(std::cin, line);) std::cout << answer(*made, line) << std::endl;
}
