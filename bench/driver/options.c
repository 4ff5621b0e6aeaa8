#include "options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prediction.h"

static const char usage[] =
    "usage: bench-driver --port PORT [OPTION...]\n"
    "Calls a gRPC echo at 127.0.0.1:PORT in a closed loop, checks every response, writes one line of JSON.\n"
    "  --mode load|connection-per-call|hold-fresh|hold-used|hold-streams   (load)\n"
    "  --connections N     connections, or calls at a time with connection-per-call (1)\n"
    "  --streams N         calls at a time on each connection (1)\n"
    "  --bytes N           bytes of a message, without its prefix of 5 (64)\n"
    "  --predictions       messages are PredictResponses of protos/prediction.proto, of 64 bytes\n"
    "  --calls FILE        calls of a server's method, in turn: their path, messages and answers\n"
    "  --record FILE       makes each of the calls once, one after the other, and writes the same with the answers\n"
    "  --warm-up SECONDS   before anything is counted (0.5)\n"
    "  --seconds SECONDS   that are counted (3)\n"
    "  --requests N        instead of by time, end after N calls and count them all\n"
    "  --varied            fields besides that differ from call to call: a deadline, a trace's identifiers\n"
    "  --tls               TLS 1.3, ALPN h2\n"
    "  --account NAME=PID[,PID...]   processor time of these, up to 4 names\n";

static void fail(const char *message, const char *value)
{
    fprintf(stderr, "bench-driver: %s: %s\n%s", message, value, usage);
    exit(64);
}

static unsigned long long read_count(const char *text, unsigned long long most)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text == '\0' || *text == '-' || *end != '\0' || value > most) {
        fail("not a count, or too large", text);
    }
    return value;
}

static double read_seconds(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(value >= 0 && value <= 86400)) {
        fail("not a number of seconds", text);
    }
    return value;
}

static enum mode read_mode(const char *text)
{
    static const char *const names[] = {
        "load", "connection-per-call", "hold-fresh", "hold-used", "hold-streams"};
    for (unsigned index = 0; index < sizeof(names) / sizeof(*names); index++) {
        if (strcmp(text, names[index]) == 0) {
            return (enum mode)index;
        }
    }
    fail("no such mode", text);
    return MODE_LOAD;
}

static void read_account(struct options *options, char *text)
{
    char *equals = strchr(text, '=');
    if (equals == NULL || options->account_count == ACCOUNT_LIMIT - 1) {
        fail("not NAME=PID[,PID...], or too many", text);
    }
    *equals = '\0';
    struct account *account = &options->accounts[options->account_count++];
    account->name = text;
    for (char *part = strtok(equals + 1, ","); part != NULL; part = strtok(NULL, ",")) {
        if (account->process_count == ACCOUNT_PROCESSES) {
            fail("too many processes", text);
        }
        account->processes[account->process_count++] = (pid_t)read_count(part, INT32_MAX);
    }
}

void options_read(struct options *options, int count, char **arguments)
{
    static const struct option names[] = {
        {"port", required_argument, NULL, 'p'},     {"mode", required_argument, NULL, 'm'},
        {"connections", required_argument, NULL, 'c'}, {"streams", required_argument, NULL, 's'},
        {"bytes", required_argument, NULL, 'b'},    {"warm-up", required_argument, NULL, 'w'},
        {"seconds", required_argument, NULL, 't'},  {"requests", required_argument, NULL, 'n'},
        {"tls", no_argument, NULL, 'T'},            {"account", required_argument, NULL, 'a'},
        {"varied", no_argument, NULL, 'v'},         {"predictions", no_argument, NULL, 'P'},
        {"calls", required_argument, NULL, 'C'},    {"record", required_argument, NULL, 'R'},
        {NULL, 0, NULL, 0},
    };
    memset(options, 0, sizeof(*options));
    options->address.sin_family = AF_INET;
    options->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    options->connections = 1;
    options->streams = 1;
    options->message_bytes = 64;
    options->warm_up = 0.5;
    options->seconds = 3;
    int letter;
    while ((letter = getopt_long(count, arguments, "", names, NULL)) != -1) {
        switch (letter) {
        case 'p': options->address.sin_port = htons((uint16_t)read_count(optarg, 65535)); break;
        case 'm': options->mode = read_mode(optarg); break;
        case 'c': options->connections = (unsigned)read_count(optarg, 100000); break;
        case 's': options->streams = (unsigned)read_count(optarg, 100000); break;
        case 'b': options->message_bytes = (size_t)read_count(optarg, 64 << 20); break;
        case 'w': options->warm_up = read_seconds(optarg); break;
        case 't': options->seconds = read_seconds(optarg); break;
        case 'n': options->requests = read_count(optarg, UINT32_MAX); break;
        case 'v': options->varied = true; break;
        case 'T': options->tls = true; break;
        case 'P': options->are_predictions = true; break;
        case 'C': options->calls = optarg; break;
        case 'R': options->record = optarg; break;
        case 'a': read_account(options, optarg); break;
        default: fputs(usage, stderr); exit(64);
        }
    }
    if (optind < count) {
        fail("not an option", arguments[optind]);
    }
    if (options->address.sin_port == 0 || options->connections == 0 || options->streams == 0) {
        fail("needed and over 0", "--port, --connections, --streams");
    }
    if (options->are_predictions && options->message_bytes != PREDICTION_BYTES) {
        fail("not together with --predictions", "--bytes");
    }
    if (options->record != NULL
        && (options->calls == NULL || options->connections > 1 || options->streams > 1 || options->mode != MODE_LOAD)) {
        fail("only of --calls, one at a time", "--record");
    }
    if (options->streams > 1 && options->mode != MODE_LOAD && options->mode != MODE_HOLD_STREAMS) {
        fail("not together with this mode", "--streams");
    }
    struct account *own = &options->accounts[options->account_count++];
    own->name = "driver";
    own->processes[own->process_count++] = getpid();
}
