#include "report.h"

#include <inttypes.h>
#include <stdio.h>

static void write_failures(const struct failures *failures)
{
    printf(
        "\"failures\": {\"connect\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"reset\": %" PRIu64 ", \"refused\": %" PRIu64
        ", \"status\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"grpc_status\": %" PRIu64 ", \"unfinished\": %" PRIu64
        "}, ",
        failures->connect, failures->lost, failures->reset, failures->refused, failures->status, failures->bytes,
        failures->grpc_status, failures->unfinished);
}

static void write_latency(const struct histogram *latency)
{
    static const struct {
        const char *name;
        double quantile;
    } quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};
    printf("\"latency_us\": {");
    for (unsigned index = 0; index < sizeof(quantiles) / sizeof(*quantiles); index++) {
        double value = (double)histogram_quantile(latency, quantiles[index].quantile) / 1000;
        printf("\"%s\": %.1f, ", quantiles[index].name, value);
    }
    double mean = latency->count > 0 ? (double)latency->sum / (double)latency->count / 1000 : 0;
    printf("\"mean\": %.1f, \"max\": %.1f}, ", mean, (double)latency->maximum / 1000);
}

/// Writes a thread's name without what JSON would have to escape.
static void write_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        putchar(*text < ' ' || *text == '"' || *text == '\\' ? '?' : *text);
    }
}

static void write_account(const struct load *load, unsigned account)
{
    uint64_t total = 0;
    printf("\"%s\": {\"threads\": [", load->options.accounts[account].name);
    const char *separator = "";
    for (unsigned index = 0; index < load->after.thread_count; index++) {
        const struct thread_time *time = &load->after.threads[index];
        if (time->account != account) {
            continue;
        }
        uint64_t used = accounting_thread_used(&load->before, time);
        total += used;
        if (used > 0) {
            printf("%s{\"name\": \"", separator);
            write_plain(time->name);
            printf("\", \"ns\": %" PRIu64 "}", used);
            separator = ", ";
        }
    }
    printf("], \"ns\": %" PRIu64 "}", total);
}

static void write_cores(const struct load *load)
{
    printf("\"cores\": [");
    for (unsigned core = 0; core < load->after.core_count; core++) {
        printf(
            "%s{\"busy_ns\": %" PRIu64 ", \"stolen_ns\": %" PRIu64 "}", core > 0 ? ", " : "",
            load->after.cores[core].busy - load->before.cores[core].busy,
            load->after.cores[core].stolen - load->before.cores[core].stolen);
    }
    printf("]");
}

void report_write(const struct load *load)
{
    printf("{\"calls\": %" PRIu64 ", ", load->calls_counted);
    printf("\"seconds\": %.6f, ", (double)(load->after.at - load->before.at) / 1e9);
    printf("\"reconnects\": %" PRIu64 ", ", load->reconnects);
    write_failures(&load->failures);
    write_latency(&load->latency);
    printf("\"cpu\": {");
    for (unsigned account = 0; account < load->options.account_count; account++) {
        printf("%s", account > 0 ? ", " : "");
        write_account(load, account);
    }
    printf("}, ");
    write_cores(load);
    printf("}\n");
}
