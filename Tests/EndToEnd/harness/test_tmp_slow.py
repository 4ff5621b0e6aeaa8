import time, pytest
from harness.model_version import Load, ModelVersion
from harness.process import eventually
from test_release import begin, plan, release
@pytest.mark.parametrize("share", ["10%", "25%"])
def test_s(start_process, start_proxy, share):
    old, new = ModelVersion(start_process,"old"), ModelVersion(start_process,"new")
    proxy = start_proxy(blue=old.address, green=new.address, health_check="none", access_log="off", sticky_key="metadata:x-user")
    old.set(delay=.01); new.set(delay=.02)
    with Load(proxy.address, threads=12) as load:
        eventually(lambda: load.answered>50, what="w")
        begin(proxy, plan((share,"1h")))
        t=time.monotonic(); last=0
        while time.monotonic()-t<45:
            r=release(proxy); s=r.get("verdict",{}).get("strongest")
            if time.monotonic()-t-last>5: last=time.monotonic()-t; print("SLOW", share, f"{last:.0f}", r["phase"], s, r["steps"][0].get("canary_keys"), r["steps"][0].get("control_keys"), flush=True)
            if r["phase"]!="running": print("SLOW END", share, f"{time.monotonic()-t:.1f}", r["breach"]); break
            time.sleep(.1)
