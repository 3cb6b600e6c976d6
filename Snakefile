# Trains experiments × seeds into runs/full, on the cores of this machine or of a cluster.
# A training that was stopped continues after its last complete epoch.
#
#     snakemake --cores 4 --keep-going
#     snakemake --cores 4 --keep-going \
#         --config seeds=0,1,2 experiments=custom_cnn,mobilenetv2_head_only
#     snakemake --executor slurm --jobs 16 --keep-going \
#         --default-resources runtime=480 mem_mb=4000

from fer_lib.experiments import EXPERIMENTS, REPLICATED_MODELS
from fer_lib.runs.run import parse_run_key
from fer_lib.text import quoted

names = str(config.get("experiments", ",".join(REPLICATED_MODELS))).split(",")
seeds = str(config.get("seeds", "0,1,2")).split(",")
if unknown := set(names) - set(EXPERIMENTS):
    raise ValueError(
        f"no experiment {quoted(', '.join(sorted(unknown)))}; there are {', '.join(EXPERIMENTS)}"
    )
if wrong := [seed for seed in seeds if not (seed.isascii() and seed.isdecimal())]:
    raise ValueError(f"no seed {quoted(', '.join(wrong))}; expected whole numbers")

# A marker for a finished run, and not one of its files: Snakemake removes the outputs of a job
# before it repeats the job, and a finished run must stay.
FINISHED = "runs/fan-out/{experiment}-seed-{seed}"


# What becomes part of a command below.
wildcard_constraints:
    experiment="[A-Za-z0-9_]+",
    seed="[0-9]+",


def dependencies(wildcards):
    """The markers of the runs that a run needs, where they are requested too. Others must exist."""
    keys = EXPERIMENTS[wildcards.experiment].dependencies(int(wildcards.seed))
    return [
        FINISHED.format(experiment=name, seed=seed)
        for name, seed in map(parse_run_key, keys)
        if name in names and str(seed) in seeds
    ]


rule all:
    input:
        expand(FINISHED, experiment=names, seed=seeds),


# One thread a training: two trainings side by side on two cores process more images a second than
# one after the other.
rule train:
    input:
        dependencies,
    output:
        touch(FINISHED),
    threads: 1
    shell:
        "TF_NUM_INTRAOP_THREADS={threads} TF_NUM_INTEROP_THREADS=1 "
        "python -m fer_lib train {wildcards.experiment} --seed {wildcards.seed}"
